"""The formats that callers of the HTTP gateway and providers speak: between bytes and what they mean, without I/O."""
