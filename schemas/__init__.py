"""The nouns of Portrait: events, identifiers, topics, and what travels on each hop."""
