//go:build !windows

package main

import "errors"

func lock(string) error { return errors.New("only Windows locks files so") }
