package main

// Result is all that was measured, as it stands in result.json. Each sample has
// a value for each round.
type Result struct {
	Machine   Machine    `json:"machine"`
	Settings  settings   `json:"settings"`
	Costs     []*Cost    `json:"costs"`
	Latencies []*Latency `json:"latencies"`
	// Rates are those at which the latencies were measured.
	Rates     map[protocol]float64 `json:"half_load_requests_per_second"`
	Processes []*Process           `json:"processes"`
	Goals     []Goal               `json:"goals"`
}
