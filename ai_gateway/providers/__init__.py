"""The only place that talks to AI providers: adapters over their SDKs, and what their answers mean."""
