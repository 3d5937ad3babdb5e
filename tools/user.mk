# Rules for the programs on the disk: each adds FILE:/PATH/ON/DISK to DISK_FILES.
