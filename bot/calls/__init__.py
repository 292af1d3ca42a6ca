"""The one room where asyncio meets the engine: sessions, their providers' work, the manager."""
