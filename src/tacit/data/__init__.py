"""From files to arrays: reading, cleaning, reporting, and the types that all other rooms speak."""
