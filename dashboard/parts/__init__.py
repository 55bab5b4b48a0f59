"""What the pages are made of: markup, the frame around them, live cards, plots and pictures."""
