"""The commands of `portrait`, by what they are about."""
