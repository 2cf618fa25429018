// Command tool prints the names in a folder: what an image from scratch can run.
package main

import (
	"fmt"
	"os"
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
}
