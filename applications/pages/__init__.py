"""What the pages show: rows and figures made ready for the templates."""
