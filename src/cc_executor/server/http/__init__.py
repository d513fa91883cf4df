"""The HTTP door: thin handlers around the desk."""
