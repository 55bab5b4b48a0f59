"""The built-in learned segmenter: a small U-Net whose maps of a field are cut into particles by watershed."""
