"""The gate: manuscript -> signed -> edition -> page. It knows neither medicine nor modeltranslation."""
