package envoy

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// The files that Envoy reads dynamic parts of its configuration from.

func listenerPath(dir string) string  { return filepath.Join(dir, "listener.yaml") }
func filterPath(dir string) string    { return filepath.Join(dir, "filter.yaml") }
func accessLogPath(dir string) string { return filepath.Join(dir, "access.log") }
func endpointPath(dir string, cluster int) string {
	return filepath.Join(dir, "endpoint-"+strconv.Itoa(cluster)+".yaml")
}

func (p *Process) writeDynamicParts() error {
	for _, c := range p.options.Clusters {
		if c.Movable {
			if err := p.MoveCluster(c); err != nil {
				return err
			}
		}
	}
	if p.options.DynamicFilter {
		if err := p.UpdateFilter(p.options.Plugin); err != nil {
			return err
		}
	}
	if p.options.DynamicListener {
		return p.UpdateListener(p.options.Plugin)
	}
	return nil
}

// UpdateListener gives a dynamic listener another plugin configuration. Envoy
// watches the file; [Process.Stats] has whether it accepts it:
// listener_manager.lds.update_success and update_rejected.
func (p *Process) UpdateListener(plugin string) error {
	o := p.options
	o.Plugin = plugin
	listener, err := Listener(o, p.dir)
	if err != nil {
		return fmt.Errorf("update the listener: %w", err)
	}
	return replaceResource(listenerPath(p.dir), "envoy.config.listener.v3.Listener", listener)
}

// UpdateFilter gives a dynamic filter another plugin configuration. Envoy
// watches the file; [Process.Stats] has whether it accepts it:
// extension_config_discovery.http_filter.mcpauth.config_reload and config_fail.
func (p *Process) UpdateFilter(plugin string) error {
	o := p.options
	o.Plugin = plugin
	filter, err := Filter(o)
	if err != nil {
		return fmt.Errorf("update the filter: %w", err)
	}
	return replaceResource(filterPath(p.dir), "envoy.config.core.v3.TypedExtensionConfig",
		"name: mcpauth\ntyped_config:\n  "+indent(2, filter))
}

// MoveCluster gives the movable cluster of c's name the address of c. Envoy
// notices by itself: cluster.NAME.update_success in [Process.Stats].
func (p *Process) MoveCluster(c Cluster) error {
	for i := range p.options.Clusters {
		if known := &p.options.Clusters[i]; known.Name == c.Name && known.Movable {
			endpoint, err := render("endpoint", c)
			if err != nil {
				return fmt.Errorf("move cluster %s: %w", c.Name, err)
			}
			return replaceResource(endpointPath(p.dir, i), "envoy.config.endpoint.v3.ClusterLoadAssignment", endpoint)
		}
	}
	return fmt.Errorf("move cluster %s: there is no movable one", c.Name)
}

// replaceResource writes a file of one resource. Envoy watches for files moved
// into place, so that it never reads half of one.
func replaceResource(path, message, resource string) error {
	doc := "resources:\n- \"@type\": type.googleapis.com/" + message + "\n  " + indent(2, resource) + "\n"
	if err := os.WriteFile(path+".next", []byte(doc), 0o600); err != nil {
		return fmt.Errorf("update Envoy: %w", err)
	}
	if err := os.Rename(path+".next", path); err != nil {
		return fmt.Errorf("update Envoy: %w", err)
	}
	return nil
}
