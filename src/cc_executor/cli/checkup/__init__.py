"""What `doctor` looks at: one file per part of the world. Nothing here changes anything."""
