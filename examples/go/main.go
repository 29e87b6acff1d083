// Stands for election and works while it leads, in a goroutine that a term starts and ends.
//
//	example [GROUP]
//
// Start it several times: one of them works. Settings come from LEASEHOLD_... variables and KUBECONFIG; TERM and INT end it in peace.
//
// Build it with `go build`; where the library is not in a place that compiler and linker know, with
// CGO_CFLAGS="$(pkg-config --cflags leasehold)" CGO_LDFLAGS="$(pkg-config --libs-only-L leasehold)".
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"leasehold.dev/example/leasehold"
)

// work works until it is told to end, and says when it has.
func work(group *leasehold.Group, end <-chan struct{}, ended chan<- struct{}) {
	defer close(ended)
	pieces := time.NewTicker(50 * time.Millisecond)
	defer pieces.Stop()
	for {
		select {
		case <-end:
			return
		case <-pieces.C:
		}
		// Asked before each piece of work: true no longer than the lease, whatever this process suffers. A store that compares
		// numbers refuses a token smaller than the largest it has seen, so that even a late write does no harm.
		if term, leads := group.Leading(); leads {
			fmt.Println("work", time.Now().UnixNano(), term.Token)
		}
	}
}

func run(name string) error {
	service, err := leasehold.Open(nil)
	if err != nil {
		return err
	}
	defer service.Close()
	var end, ended chan struct{}
	stopWork := func() {
		if end != nil {
			close(end)
			<-ended
			end = nil
		}
	}
	defer stopWork() // before Close, which says that it has ended

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	group, err := service.Stand(name)
	if err != nil {
		return err
	}
	fmt.Println(group.Identity, "stands")
	for {
		select {
		case <-signals:
			if err := service.Stop(); err != nil {
				return err
			}
		case event, more := <-service.Events():
			if !more {
				return nil
			}
			fmt.Printf("%s: %s\n", event.Name, event.Text)
			switch event.Kind {
			case leasehold.StartedLeading:
				end, ended = make(chan struct{}), make(chan struct{})
				go work(group, end, ended)
			case leasehold.StopWork:
				stopWork()
				if err := group.WorkStopped(event.Term); err != nil {
					return err
				}
			}
		}
	}
}

func main() {
	name := "example"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	if err := run(name); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}
