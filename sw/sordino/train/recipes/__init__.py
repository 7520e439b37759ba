"""Recipes and what their fields may say."""
