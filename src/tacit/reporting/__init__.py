"""Reports as self-contained HTML pages and terminal tables: presentation only, no numbers made here."""
