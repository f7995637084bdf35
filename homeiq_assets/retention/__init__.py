"""What goes by age, and only after its successor is proven; what comes back; what storage is used."""
