"""What comes of an upload: the pre-check, copies of other photos, collection codes; the rules they follow."""
