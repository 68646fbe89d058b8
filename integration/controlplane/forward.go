package controlplane

import (
	"io"
	"net"
	"testing"
	"time"
)

// Forward passes TCP connections on, as the load balancer before a gateway does, until
// the test ends. It asks for the target of each connection.
func Forward(t testing.TB, from string, to func() string) {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go pass(in, to())
		}
	}()
}

func pass(in net.Conn, to string) {
	defer in.Close()
	out, err := net.DialTimeout("tcp", to, time.Second)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		io.Copy(out, in)
		out.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(in, out)
}
