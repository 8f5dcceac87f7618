"""What schools and their producers arrange: campaigns, rosters, progress, photos on site."""
