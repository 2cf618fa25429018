// Command tool prints the names in a folder, its user, and whether it can write to the
// root: what an image from scratch can run.
package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func main() {
	entries, err := os.ReadDir(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, e := range entries {
		fmt.Println(e.Name())
	}
	can := "can"
	if err := os.WriteFile("/file", nil, 0o600); errors.Is(err, syscall.EROFS) {
		can = "cannot"
	}
	fmt.Printf("user %d, root %s be written to\n", os.Getuid(), can)
}
