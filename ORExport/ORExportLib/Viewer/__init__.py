"""The offline viewer: one HTML file with the plan, its models and its CT, for any browser and no network."""
