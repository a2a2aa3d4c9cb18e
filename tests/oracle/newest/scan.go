// Reading all samples of blocks with Prometheus's own code: what a capture is compared with.
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

const scanPasses = 5

// scan reads every block of a folder, and prints the CPU time of a sample in the best of a few passes.
func scan(folder string) error {
	blocks, err := filepath.Glob(filepath.Join(folder, "*", "meta.json"))
	if err != nil || len(blocks) == 0 {
		return fmt.Errorf("no blocks in %s", folder)
	}
	best := time.Duration(math.MaxInt64)
	var series, samples int
	for range scanPasses {
		begin := cpuTime()
		series, samples = 0, 0
		for _, meta := range blocks {
			if err := scanBlock(filepath.Dir(meta), &series, &samples); err != nil {
				return err
			}
		}
		best = min(best, cpuTime()-begin)
	}
	fmt.Printf("%d series, %d samples, %.1f ms, %.2f ns CPU a sample\n", series, samples, best.Seconds()*1e3,
		float64(best.Nanoseconds())/float64(samples))
	return nil
}

func scanBlock(folder string, series, samples *int) error {
	entries, err := index.NewFileReader(filepath.Join(folder, "index"), index.DecodePostingsRaw)
	if err != nil {
		return err
	}
	defer entries.Close()
	data, err := chunks.NewDirReader(filepath.Join(folder, "chunks"), chunkenc.NewPool())
	if err != nil {
		return err
	}
	defer data.Close()
	name, value := index.AllPostingsKey()
	all, err := entries.Postings(context.Background(), name, value)
	if err != nil {
		return err
	}
	var builder labels.ScratchBuilder
	var metas []chunks.Meta
	var it chunkenc.Iterator
	for all.Next() {
		if err := entries.Series(all.At(), &builder, &metas); err != nil {
			return err
		}
		*series++
		for _, meta := range metas {
			chunk, _, err := data.ChunkOrIterable(meta)
			if err != nil {
				return err
			}
			for it = chunk.Iterator(it); it.Next() == chunkenc.ValFloat; *samples++ {
				it.At()
			}
			if it.Err() != nil {
				return it.Err()
			}
		}
	}
	return all.Err()
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fmt.Fprintln(os.Stderr, "newest: error:", err)
		os.Exit(1)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
