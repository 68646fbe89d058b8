package loopback

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestReservedPortIsRefusedToOthersAndListensAgain(t *testing.T) {
	p, err := Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	if l, err := net.Listen("tcp", p.Addr()); err == nil {
		l.Close()
		t.Fatalf("another listener could take the reserved port %d", p.Number())
	}
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		c.Close()
		t.Fatal("a reserved port accepts connections before anybody listens")
	}
	for range 2 {
		l, err := p.Listen()
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		l.Close()
	}
}

func TestReserveTellsThatAPortIsInUse(t *testing.T) {
	l, err := net.Listen("tcp", Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := Reserve(l.Addr().(*net.TCPAddr).Port)
	if err == nil {
		p.Release()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("error = %v, want EADDRINUSE", err)
	}
}
