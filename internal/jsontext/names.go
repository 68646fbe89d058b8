package jsontext

import "hash/maphash"

// addName adds a name to those of the innermost object, which are names[first:].
// It returns false if the name is among them.
func (r *Reader) addName(name string, first int) bool {
	var hash uint64
	switch count := len(r.names) - first; {
	case count < fewNames:
		hash = fingerprint(name)
	case count == fewNames:
		for i, earlier := range r.names[first:] {
			r.hashes[first+i] = maphash.String(hashSeed, earlier)
		}
		fallthrough
	default:
		hash = maphash.String(hashSeed, name)
	}
	for i, seen := range r.hashes[first:] {
		if seen == hash && r.names[first+i] == name {
			return false
		}
	}
	r.names, r.hashes = append(r.names, name), append(r.hashes, hash)
	return true
}

// fewNames is the number of names up to which an object has fingerprints in place
// of hashes. A sender who makes the fingerprints equal causes few comparisons.
const fewNames = 16

// hashSeed keeps a sender from choosing names whose hashes are equal.
var hashSeed = maphash.MakeSeed()

// fingerprint distinguishes most names that stand in one object, in less time than
// a hash takes.
func fingerprint(name string) uint64 {
	n := uint64(len(name))
	if n == 0 {
		return 0
	}
	return n<<24 | uint64(name[0])<<16 | uint64(name[n/2])<<8 | uint64(name[n-1])
}
