//go:build !linux

package main

import (
	"errors"
	"time"
)

var errNotLinux = errors.New("the benchmark needs Linux")

func allowedCPUs() ([]int, error) { return nil, errNotLinux }

func pin(int, ...int) error { return errNotLinux }

func cpuTime(int) (time.Duration, error) { return 0, errNotLinux }
