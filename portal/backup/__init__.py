"""The whole portal in one file, and back.

A backup is a zip of the database (as its own kind writes it), the pictures, and a manifest that holds every file to its
hash and says where the audit log ended. Styles, leaflets and catalogues are made anew; sessions stay out, so that a
backup in the wrong hands is nobody's way into the desk.
"""
