"""`make audit`: wapiti crawls a real server with the demonstration content, as a reader and signed in at the desk."""
