package main

// Result is all that was measured. Each sample has a value for each round.
type Result struct {
	Costs []*Cost `json:"costs"`
}

// Cost is what one kind of request costs with one variant.
type Cost struct {
	Protocol protocol `json:"protocol"`
	Work     string   `json:"work"`
	Variant  string   `json:"variant"`
	// CPU is the processor time of Envoy per request, in microseconds, and
	// Added what is more than with no filter in the same round.
	CPU   sample `json:"cpu_us"`
	Added sample `json:"added_us"`
	// Rate is in requests per second at full load. EnvoyBusy and LoadBusy are
	// the shares of that time in which the two used a processor.
	Rate      sample `json:"requests_per_second"`
	EnvoyBusy sample `json:"envoy_busy"`
	LoadBusy  sample `json:"load_busy"`
}

// cost returns the costs of a variant at a work, nil if they were not measured.
func (r *Result) cost(p protocol, work, variant string) *Cost {
	for _, c := range r.Costs {
		if c.Protocol == p && c.Work == work && c.Variant == variant {
			return c
		}
	}
	return nil
}

// record adds the figures of one round.
func (r *Result) record(p protocol, work, variant string, m *cost) {
	c := r.cost(p, work, variant)
	if c == nil {
		c = &Cost{Protocol: p, Work: work, Variant: variant}
		r.Costs = append(r.Costs, c)
	}
	c.CPU = append(c.CPU, m.cpu)
	c.Rate = append(c.Rate, m.rate)
	c.EnvoyBusy = append(c.EnvoyBusy, m.envoyBusy)
	c.LoadBusy = append(c.LoadBusy, m.loadBusy)
	if base := r.cost(p, work, "none"); base != nil {
		c.Added = c.CPU.minus(base.CPU)
	}
}

// addedRatio returns how much a variant adds in terms of what another adds:
// the quotient of the medians. NaN if either was not measured.
func (r *Result) addedRatio(p protocol, work, variant, other string) float64 {
	a, b := r.cost(p, work, variant), r.cost(p, work, other)
	if a == nil || b == nil {
		return sample(nil).median()
	}
	return a.Added.median() / b.Added.median()
}
