"""What tools and tests share: the chapters as data, the variants of the kernel, and a machine to boot them on."""
