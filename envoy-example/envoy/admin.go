package envoy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

var adminClient = &http.Client{Timeout: 10 * time.Second}

// query asks the admin interface.
func (p *Process) query(ctx context.Context, pathQuery string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+pathQuery, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := adminClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

func (p *Process) ready(ctx context.Context) bool {
	status, _, err := p.query(ctx, "/ready")
	return err == nil && status == http.StatusOK
}

// listenerAddress finds out which port the listener got.
func (p *Process) listenerAddress(ctx context.Context) (string, error) {
	_, body, err := p.query(ctx, "/listeners?format=json")
	if err != nil {
		return "", err
	}
	var doc struct {
		Statuses []struct {
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return "", err
	}
	if len(doc.Statuses) == 0 || doc.Statuses[0].Address.Socket.Port == 0 {
		return "", errors.New("envoy has no listener yet")
	}
	s := doc.Statuses[0].Address.Socket
	return net.JoinHostPort(s.Address, strconv.Itoa(s.Port)), nil
}

// Prometheus returns all statistics as Prometheus reads them.
func (p *Process) Prometheus(ctx context.Context) (string, error) {
	status, body, err := p.query(ctx, "/stats/prometheus")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		return "", fmt.Errorf("envoy statistics: %w", err)
	}
	return string(body), nil
}

// Stats returns the counters and gauges whose names match a regular expression.
func (p *Process) Stats(ctx context.Context, filter string) (map[string]int64, error) {
	_, body, err := p.query(ctx, "/stats?format=json&filter="+url.QueryEscape(filter))
	if err != nil {
		return nil, fmt.Errorf("envoy statistics: %w", err)
	}
	var doc struct {
		Stats []struct {
			Name  string `json:"name"`
			Value any    `json:"value"` // a string for text readouts
		} `json:"stats"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("envoy statistics: %w", err)
	}
	stats := make(map[string]int64, len(doc.Stats))
	for _, s := range doc.Stats {
		if n, ok := s.Value.(float64); ok {
			stats[s.Name] = int64(n)
		}
	}
	return stats, nil
}
