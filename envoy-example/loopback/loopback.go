// Package loopback reserves TCP ports on 127.0.0.1 for processes that start
// later.
//
// The resource and the issuer are URLs, and a URL holds a port: both must be
// known before the gateway and the authorization server listen. Asking the
// kernel for a free port and closing it again would leave a gap in which
// another process can take it. A [Port] keeps a bound socket that never
// listens, so that the number stays taken, and shares it through SO_REUSEPORT
// with [Port.Listen] and with Envoy, which sets that option on its listeners.
package loopback

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Host is the address that every port of this package is bound to.
const Host = "127.0.0.1"

// Port is a reserved TCP port on 127.0.0.1.
type Port struct {
	fd     int
	number int
}

// Reserve takes the port number, or any free one when number is 0. The error
// of a port that another process uses wraps [syscall.EADDRINUSE].
func Reserve(number int) (*Port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	unix.CloseOnExec(fd)
	p := &Port{fd: fd}
	if number != 0 {
		// SO_REUSEADDR lets the port of a process that has just ended be taken
		// while its connections are in TIME_WAIT; with an automatic port it
		// would only make clashes likelier.
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
			err = refuseShared(number)
		}
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		var sa unix.Sockaddr
		if sa, err = unix.Getsockname(fd); err == nil {
			p.number = sa.(*unix.SockaddrInet4).Port
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("reserve port %d: %w", number, err)
	}
	return p, nil
}

// refuseShared returns an error if a process listens on the port, even with
// SO_REUSEPORT, which a bind with that option would not detect.
func refuseShared(number int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(Host, strconv.Itoa(number)))
	if err != nil {
		return err
	}
	return l.Close()
}

// Number returns the port's number.
func (p *Port) Number() int { return p.number }

// Addr returns the address in the form 127.0.0.1:port.
func (p *Port) Addr() string { return net.JoinHostPort(Host, strconv.Itoa(p.number)) }

// Origin returns the address as an http origin, without a trailing slash.
func (p *Port) Origin() string { return "http://" + p.Addr() }

// Listen opens a listener on the port. It can be closed and opened again: the
// port stays reserved in between.
func (p *Port) Listen() (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var sockErr error
		err := c.Control(func(fd uintptr) {
			sockErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return err
		}
		return sockErr
	}}
	return lc.Listen(context.Background(), "tcp4", p.Addr())
}

// Release frees the port. Listeners that are open stay open.
func (p *Port) Release() {
	if p.fd >= 0 {
		unix.Close(p.fd)
		p.fd = -1
	}
}
