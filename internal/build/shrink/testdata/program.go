// The program takes every way through a function that internal/build/shrink rewrites,
// and prints what it has done.
package main

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

func main() {}

func init() {
	for _, f := range []func() string{
		loops, labels, recovered, recoveredInLoop, named, ranges, goroutines, selects, deepStack, closures, collect, wide, exited,
	} {
		println(f())
	}
	println(crash(nil))
}

// loops has loops within loops, with jumps out of them in both directions.
func loops() string {
	var b strings.Builder
	for i := range 40 {
		switch {
		case i%15 == 0:
			b.WriteString("x")
			continue
		case i%5 == 0:
			for j := i; j > 0; j /= 2 {
				if j == 3 {
					break
				}
				b.WriteString(strconv.Itoa(j))
			}
		case i > 33:
			return b.String()
		}
	}
	return "too far"
}

func labels() string {
	n := 0
again:
	for i := 0; ; i++ {
		for j := 0; ; j++ {
			if i*j > 50 {
				n += i
				if i < 30 {
					continue again
				}
				break again
			}
			if j > 12 {
				break
			}
		}
	}
	if n < 4000 {
		n *= 3
		goto again
	}
	return strconv.Itoa(n)
}

type point struct{ x, y int }

// faults are panics of all kinds, from functions that never return.
var faults = []func(p *point, s []int, n int) int{
	func(p *point, _ []int, _ int) int { return p.y },
	func(_ *point, s []int, n int) int { return s[n] },
	func(_ *point, s []int, n int) int { return len(s[n:]) },
	func(_ *point, s []int, n int) int { return s[1] / (n - n) },
	func(_ *point, s []int, n int) int { return len([4]int(s)) },
	func(_ *point, _ []int, n int) int { return 1 << (n - 20) },
	func(_ *point, _ []int, n int) int { return len(make([]int, n-20)) },
	func(*point, []int, int) int { any("text").(interface{ Lock() }).Lock(); return 0 },
	func(*point, []int, int) int { panic(errors.New("one of its own")) },
	func(*point, []int, int) int { var m map[string]int; m["a"] = 1; return 0 },
}

func recovered() string {
	var b strings.Builder
	for i, f := range faults {
		func() {
			defer func() {
				switch r := recover().(type) {
				case error:
					b.WriteString(strconv.Itoa(i) + r.Error() + "; ")
				default:
					b.WriteString("nothing; ")
				}
			}()
			f(nil, []int{1, 2, 3}, 7)
		}()
	}
	return b.String()
}

// recoveredInLoop defers in a loop, which the runtime keeps a list for.
func recoveredInLoop() (text string) {
	defer func() { text += recover().(string) }()
	for i := range 3 {
		defer func() {
			text += strconv.Itoa(i)
			if r := recover(); r != nil {
				panic(r.(string) + "!")
			}
		}()
	}
	panic("first")
}

func named() string {
	try := func(n int) (result int, err error) {
		defer func() {
			if r := recover(); r != nil {
				result, err = -n, r.(error)
			}
		}()
		return faults[n](nil, []int{1}, 3), nil
	}
	a, err := try(1)
	return strconv.Itoa(a) + err.Error()
}

func ranges() string {
	three := func(yield func(int) bool) {
		for i := range 3 {
			if !yield(i) {
				return
			}
		}
	}
	text := ""
	for i := range three {
		defer func() { _ = recover() }()
		for j := range three {
			if j == 2 {
				break
			}
			text += strconv.Itoa(10*i + j)
		}
	}
	return text
}

// goroutines switches between goroutines in the middle of functions.
func goroutines() string {
	var lock sync.Mutex
	var wait sync.WaitGroup
	in, out := make(chan int), make(chan int, 3)
	sum := 0
	for i := range 5 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for n := range in {
				if n%2 == i%2 {
					runtime.Gosched()
				}
				lock.Lock()
				sum += n
				runtime.Gosched()
				lock.Unlock()
				out <- n * n
			}
		}()
	}
	go func() {
		for i := range 100 {
			in <- i
		}
		close(in)
		wait.Wait()
		close(out)
	}()
	squares := 0
	for n := range out {
		squares += n
	}
	return strconv.Itoa(sum) + " " + strconv.Itoa(squares)
}

func selects() string {
	a, b, done := make(chan int), make(chan string), make(chan bool)
	go func() {
		for i := range 10 {
			a <- i
			b <- strconv.Itoa(i)
		}
		close(done)
	}()
	text := ""
	for {
		select {
		case i := <-a:
			text += strconv.Itoa(i)
		case s := <-b:
			text += s
		case <-done:
			return text
		}
	}
}

// deepStack makes the stack larger, in the middle of calls.
func deepStack() string {
	var deep func(n int, path [32]int) int
	deep = func(n int, path [32]int) int {
		if n == 0 {
			return path[31]
		}
		path[n%32] += n
		return deep(n-1, path) + path[(n+1)%32]
	}
	return strconv.Itoa(deep(5000, [32]int{}))
}

func closures() string {
	var all []func(int) int
	for i := range 10 {
		all = append(all, func(n int) int {
			if i == 0 {
				return n
			}
			return all[i-1](n*i + 1)
		})
	}
	return strconv.Itoa(all[9](1))
}

// collect makes garbage while pointers are on the stack and in a map.
func collect() string {
	kept := map[string][]*point{}
	for i := range 20_000 {
		key := strconv.Itoa(i % 100)
		kept[key] = append(kept[key], &point{i, -i})
		if i%5_000 == 0 {
			runtime.GC()
		}
	}
	sum := 0
	keys := make([]string, 0, len(kept))
	for key, points := range kept {
		keys = append(keys, key)
		for _, p := range points {
			sum += p.x * (p.y % 10)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys[:5], " ") + " " + strconv.Itoa(sum)
}

// wide uses numbers of every size.
func wide() string {
	f, u8, i16, u64 := 1.5, uint8(7), int16(-3), ^uint64(0)
	for i := range 50 {
		f = f*1.01 - float64(i)/3
		u8 = u8*31 + uint8(i)
		i16 = i16<<1 ^ int16(u8)
		u64 = u64/3 ^ uint64(i16)>>uint(i) ^ uint64(0x10000001<<16+3)
	}
	return strconv.FormatFloat(f, 'g', -1, 64) + strconv.Itoa(int(u8)) + strconv.Itoa(int(i16)) + strconv.FormatUint(u64, 16)
}

func exited() string {
	done := make(chan string)
	go func() {
		defer func() { done <- "deferred" }()
		for {
			runtime.Goexit()
		}
	}()
	return <-done
}

// crash ends the program.
//
//go:noinline
func crash(p *point) int { return p.x }
