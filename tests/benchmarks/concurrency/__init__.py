"""Many clients at once against one real installation, and what is true of it afterwards."""
