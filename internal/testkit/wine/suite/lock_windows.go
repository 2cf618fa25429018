package main

import "golang.org/x/sys/windows"

// lock opens a file without any sharing, so that other processes cannot open it. It stays so until the process ends.
func lock(file string) error {
	name, err := windows.UTF16PtrFromString(file)
	if err != nil {
		return err
	}
	_, err = windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	return err
}
