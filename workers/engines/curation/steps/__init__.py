"""The steps of a recipe; the order in which they run is the recipe's."""
