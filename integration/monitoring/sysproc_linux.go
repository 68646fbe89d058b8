package monitoring

import "syscall"

// endWithParent makes the kernel end a child when the thread that started it ends, so
// that a test that is killed leaves no process behind.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
