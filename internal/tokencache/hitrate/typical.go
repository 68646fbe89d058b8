package hitrate

import "time"

// Typical are fleets as they are in practice, from a team to a large company. The
// figures of docs/scaling.md are theirs.
var Typical = []Fleet{
	{
		Name:  "a team: 30 people, tokens of an hour",
		Users: 30, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 3, Requests: 20, Pause: 10 * time.Second,
		Proxies: 1, Workers: 2, Balancing: BySession, Entries: 4096,
	},
	{
		Name:  "a company: 1,000 people, tokens of an hour",
		Users: 1000, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 3, Requests: 20, Pause: 10 * time.Second,
		Proxies: 2, Workers: 4, Balancing: BySession, Entries: 4096,
	},
	{
		Name:  "the same behind a balancer of requests",
		Users: 1000, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 3, Requests: 20, Pause: 10 * time.Second,
		Proxies: 2, Workers: 4, Balancing: ByRequest, Entries: 4096,
	},
	{
		Name:  "the same, tokens of 5 minutes",
		Users: 1000, TokensPerUser: 2, Lifetime: 5 * time.Minute, Sessions: 3, Requests: 20, Pause: 10 * time.Second,
		Proxies: 2, Workers: 4, Balancing: ByRequest, Entries: 4096,
	},
	{
		Name:  "agents: 100, each with one token and 6,000 requests an hour",
		Users: 100, TokensPerUser: 1, Lifetime: time.Hour, Sessions: 1, Requests: 6000, Pause: 600 * time.Millisecond,
		Proxies: 4, Workers: 4, Balancing: ByRequest, Entries: 4096,
	},
	{
		Name:  "20,000 people, tokens of an hour",
		Users: 20_000, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 2, Requests: 20, Pause: 10 * time.Second,
		Proxies: 10, Workers: 4, Balancing: ByRequest, Entries: 4096,
	},
	{
		Name:  "the same, a connection for each session",
		Users: 20_000, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 2, Requests: 20, Pause: 10 * time.Second,
		Proxies: 10, Workers: 4, Balancing: BySession, Entries: 4096,
	},
	{
		Name:  "the same, each user at one proxy",
		Users: 20_000, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 2, Requests: 20, Pause: 10 * time.Second,
		Proxies: 10, Workers: 4, Balancing: ByUser, Entries: 4096,
	},
	{
		Name:  "the same, with too small a cache",
		Users: 20_000, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 2, Requests: 20, Pause: 10 * time.Second,
		Proxies: 10, Workers: 4, Balancing: ByUser, Entries: 256,
	},
	{
		Name:  "1,000 people, opaque tokens, asked about each minute",
		Users: 1000, TokensPerUser: 2, Lifetime: time.Hour, Sessions: 3, Requests: 20, Pause: 10 * time.Second, Remembered: time.Minute,
		Proxies: 2, Workers: 4, Balancing: BySession, Entries: 4096,
	},
}
