package providers

import "syscall"

// ownGroup gives a child a process group of its own, and makes the kernel ask it
// to end when the thread that started it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
