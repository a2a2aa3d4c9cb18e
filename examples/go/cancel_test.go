package ampql

import (
	"context"
	"errors"
	"math/rand"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Runs for a second or so when nobody stops it.
const long = `count_over_time(vector(1)[45d:1s])`

// A thousand queries whose contexts end at a random time, beside others whose contexts do not: the first end with their
// context's error, or are done by then; all others have their results.
func TestAThousandCancellations(t *testing.T) {
	const n, workers = 1000, 4
	db := open(t, Options{Concurrency: workers})
	random := rand.New(rand.NewSource(1))
	waits := make(chan time.Duration, n)
	for i := 0; i < n; i++ {
		waits <- time.Duration(random.Intn(8000)) * time.Microsecond
	}
	close(waits)
	var mutex sync.Mutex
	var group sync.WaitGroup
	stopped, others := 0, 0
	for w := 0; w < workers; w++ {
		group.Add(2)
		left := make(chan struct{})
		go func() { // whose queries are cancelled
			defer group.Done()
			defer close(left)
			for wait := range waits {
				ctx, cancel := context.WithTimeout(context.Background(), wait)
				begin := time.Now()
				_, err := db.Query(ctx, long, midnight)
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a query that was cancelled: %v", err)
				}
				if took := time.Since(begin) - wait; err != nil && took > 20*time.Second {
					t.Errorf("it ended %v after its context", took)
				}
				mutex.Lock()
				if err != nil {
					stopped++
				}
				mutex.Unlock()
			}
		}()
		go func() { // whose are not
			defer group.Done()
			for {
				select {
				case <-left:
					return
				case <-time.After(5 * time.Millisecond):
				}
				result, err := db.Query(context.Background(), `count(avg_over_time(node_cpu_hourly_cost[1d]))`, midnight)
				if err != nil || len(result.Series) != 1 || result.Series[0].V[0] < 1 {
					t.Errorf("a query that nobody cancelled: %v %v", result, err)
				}
				mutex.Lock()
				others++
				mutex.Unlock()
			}
		}()
	}
	group.Wait()
	if stopped < n/2 || others < workers {
		t.Errorf("%d of %d stopped, beside %d others", stopped, n, others)
	}
	t.Logf("%d of %d stopped, beside %d others", stopped, n, others)
}

func TestContextsThatHaveEnded(t *testing.T) {
	db := open(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := db.Query(ctx, "1", midnight); err != context.Canceled {
		t.Error(err)
	}
	if _, err := db.Allocate(ctx, AllocateOptions{Start: midnight.Add(-time.Hour), End: midnight}); err != context.Canceled {
		t.Error(err)
	}
	request, err := http.NewRequestWithContext(ctx, "GET", "http://ampql/api/v1/query?query=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.RoundTripper().RoundTrip(request); err != context.Canceled {
		t.Error(err)
	}
}

// Close waits for what runs; what waits for a source is told.
func TestCloseUnderWay(t *testing.T) {
	db, err := Open(day)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 2)
	for i := 0; i < 2; i++ {
		go func() {
			_, err := db.Query(ctx, long, midnight)
			ended <- err
		}()
	}
	time.Sleep(10 * time.Millisecond)
	go func() {
		time.Sleep(20 * time.Millisecond)
		cancel()
	}()
	db.Close()
	for i := 0; i < 2; i++ {
		if err := <-ended; err != nil && err != ErrClosed && err != context.Canceled {
			t.Error(err)
		}
	}
}
