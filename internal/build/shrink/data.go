package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// image is what the data segments put into memory, from base on.
type image struct {
	base  uint32
	bytes []byte
}

type segment struct {
	address uint32
	bytes   []byte
}

// data returns the image of the data section, all of whose segments must be
// active, at constant addresses and apart, as Go's linker writes them.
func (m *module) data() (image, error) {
	s, err := m.section(sectionData)
	if err != nil {
		return image{}, err
	}
	r := reader{s.body}
	var segments []segment
	for range r.unsigned() {
		flags, opcode := r.unsigned(), r.unsigned()
		address := uint32(r.signed())
		end := r.unsigned()
		bytes, err := r.take(r.unsigned())
		if err != nil {
			return image{}, err
		}
		if flags != 0 || opcode != opI32Const || end != opEnd { // memory 0
			return image{}, errors.New("a data segment of another kind than Go's linker writes")
		}
		segments = append(segments, segment{address, bytes})
	}
	if len(segments) == 0 || len(r.rest) > 0 {
		return image{}, errShort
	}
	slices.SortFunc(segments, func(a, b segment) int { return cmp.Compare(a.address, b.address) })
	memory := image{base: segments[0].address}
	for _, s := range segments {
		gap := int(s.address-memory.base) - len(memory.bytes)
		if gap < 0 {
			return image{}, errors.New("data segments that overlap")
		}
		memory.bytes = append(memory.bytes, make([]byte, gap)...)
		memory.bytes = append(memory.bytes, s.bytes...)
	}
	return memory, nil
}

// segmentOverhead is about what a segment costs beside its bytes: so many
// zeros or more are left out between two.
const segmentOverhead = 8

// setData makes the data section anew, without the zeros of memory.
func (m *module) setData(memory image) {
	var count uint64
	var segments []byte
	for i := 0; ; count++ {
		for i < len(memory.bytes) && memory.bytes[i] == 0 {
			i++
		}
		if i == len(memory.bytes) {
			break
		}
		start, end := i, i // end is after the last byte that is not zero
		for ; i < len(memory.bytes) && i-end < segmentOverhead; i++ {
			if memory.bytes[i] != 0 {
				end = i + 1
			}
		}
		segments = append(segments, 0, opI32Const)
		segments = appendSigned(segments, int64(int32(memory.base+uint32(start))))
		segments = append(segments, opEnd)
		segments = binary.AppendUvarint(segments, uint64(end-start))
		segments = append(segments, memory.bytes[start:end]...)
	}
	s, _ := m.section(sectionData)
	s.body = append(binary.AppendUvarint(nil, count), segments...)
}
