"""Reports as self-contained HTML pages and terminal tables: presentation only, nothing is computed here."""
