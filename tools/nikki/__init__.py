"""What the tools and the tests share: the chapters as data, the variants of the kernel, and a machine to boot them on."""
