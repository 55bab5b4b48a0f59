"""Images that a microscope's own software drops into a folder: found, checked, and taken in whole."""
