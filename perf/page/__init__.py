"""A result as one page of HTML with plots as inline SVG; no script, nothing fetched."""
