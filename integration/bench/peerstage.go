package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
)

// authority is the authorization server of all peers. It has its keys from the start, but can be
// reached only while it is open.
type authority struct {
	*authserver.Server
	port *loopback.Port
	http *http.Server
}

func newAuthority() (*authority, error) {
	port, err := loopback.Reserve(0)
	if err != nil {
		return nil, err
	}
	server, err := authserver.Start(authserver.Options{Origin: port.Origin()})
	if err != nil {
		port.Release()
		return nil, err
	}
	return &authority{Server: server, port: port}, nil
}

// open lets the peers reach the server.
func (a *authority) open() error {
	listener, err := a.port.Listen()
	if err != nil {
		return err
	}
	a.http = &http.Server{Handler: a.Server, ReadHeaderTimeout: 10 * time.Second}
	go a.http.Serve(listener)
	return nil
}

func (a *authority) close() {
	if a.http != nil {
		a.http.Close()
	}
	a.Server.Close()
	a.port.Release()
}

// peerStage is one Envoy with a listener for each peer, and the services behind it.
type peerStage struct {
	peers    []*peer
	auth     *authority
	services map[string]*service
	envoy    *envoy.Process
	leave    func()
}

// newPeerStage starts all processes. With full, servers are whole MCP servers, and mcpauth has the
// rules that the probes ask for.
func newPeerStage(ctx context.Context, binary string, p *programs, full, reachable bool) (*peerStage, error) {
	s := &peerStage{services: map[string]*service{}, leave: func() {}}
	err := s.start(ctx, binary, p, full, reachable)
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *peerStage) start(ctx context.Context, binary string, p *programs, full, reachable bool) (err error) {
	s.peers = allPeers()
	if full {
		s.peers = protecting(s.peers)
	}
	if s.auth, err = newAuthority(); err != nil {
		return err
	}
	if reachable {
		if err := s.auth.open(); err != nil {
			return err
		}
	}
	if err := completePeers(s.peers); err != nil {
		return err
	}
	endpoint := "trivial"
	if full {
		endpoint = "mcp"
	}
	if err := s.startServices(ctx, p, endpoint); err != nil {
		return err
	}
	c := &peerConfiguration{
		Peers: s.peers, Issuer: s.auth.Issuer(), KeySetURL: s.auth.Endpoint("jwks"), Full: full,
		services: s.services, authAddress: s.auth.port.Addr(),
	}
	bootstrap, err := c.bootstrap()
	if err != nil {
		return err
	}
	s.envoy, err = envoy.Start(ctx, binary, envoy.Options{Bootstrap: bootstrap, Workers: 1})
	return err
}

// startServices starts all services at once.
func (s *peerStage) startServices(ctx context.Context, p *programs, endpoint string) error {
	var names []string
	for _, each := range s.peers {
		names = append(names, each.Server)
		if each.Authz != "" {
			names = append(names, each.Authz)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	for _, name := range names {
		wg.Go(func() {
			started, err := startService(ctx, name, p.command(name, s.auth.Issuer(), endpoint))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			s.services[name] = started
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// stop ends all processes.
func (s *peerStage) stop() {
	if s.envoy != nil {
		s.envoy.Stop()
	}
	for _, each := range s.services {
		each.stop()
	}
	if s.auth != nil {
		s.auth.close()
	}
	releasePeers(s.peers)
	s.leave()
}

// pin puts the load on one processor, and everything that is measured on another.
func (s *peerStage) pin(c cpus) (err error) {
	pids := []int{s.envoy.PID()}
	for _, each := range s.services {
		pids = append(pids, each.cmd.Process.Pid)
	}
	s.leave, err = c.apart(pids...)
	return err
}

// processes returns the ids of the processes that serve a peer, by their part.
func (s *peerStage) processes(p *peer) map[string]int {
	all := map[string]int{"envoy": s.envoy.PID(), "server": s.services[p.Server].cmd.Process.Pid}
	if p.Authz != "" {
		all["service"] = s.services[p.Authz].cmd.Process.Pid
	}
	return all
}

// memory returns the resident memory of the services in megabytes.
func (s *peerStage) memory() (map[string]float64, error) {
	all := map[string]float64{}
	for name, each := range s.services {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", each.cmd.Process.Pid))
		if err != nil {
			return nil, err
		}
		var kB float64
		if _, rest, ok := strings.Cut(string(status), "\nVmRSS:"); ok {
			_, err = fmt.Sscan(rest, &kB)
		}
		if err != nil || kB == 0 {
			return nil, fmt.Errorf("memory of %s: %v in\n%s", name, err, status)
		}
		all[name] = kB * 1024 / 1e6
	}
	return all, nil
}
