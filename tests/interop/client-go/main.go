// Command elector is a plain candidate of client-go's leader election on a Lease, the peer that Leasehold must live with.
//
// Here: client-go as its documentation says to use it, and a worker that proves when it worked. Not here: anything that
// would make client-go safer or faster than it is.
//
// While it leads, a worker appends one line "CLOCK_BOOTTIME_ns identity" to the stamps file every few milliseconds. Events
// go to stdout, one JSON object a line. TERM and INT stop the worker, then cancel the election (and so release the Lease,
// with -release-on-cancel), as client-go asks its users to.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const stampEvery = 5 * time.Millisecond

func bootNs() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		fatal("CLOCK_BOOTTIME: %v", err)
	}
	return now.Nano()
}

func fatal(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "elector: "+format+"\n", arguments...)
	os.Exit(1)
}

type event struct {
	Event    string `json:"event"`
	Identity string `json:"identity"`
	Leader   string `json:"leader,omitempty"`
	BootNs   int64  `json:"boottime_ns"`
}

// events writes whole lines from any goroutine.
type events struct {
	lock     sync.Mutex
	identity string
}

func (e *events) tell(name, leader string) {
	e.lock.Lock()
	defer e.lock.Unlock()
	line, _ := json.Marshal(event{name, e.identity, leader, bootNs()})
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		fatal("stdout: %v", err)
	}
}

// work appends stamps until `stop` is done; one write(2) a line, so that several workers can share a file. `running` is
// released when the last stamp was written.
func work(stop context.Context, stamps *os.File, identity string, running *sync.WaitGroup) {
	defer running.Done()
	tick := time.NewTicker(stampEvery)
	defer tick.Stop()
	for stop.Err() == nil {
		if _, err := fmt.Fprintf(stamps, "%d %s\n", bootNs(), identity); err != nil {
			fatal("stamps: %v", err)
		}
		select {
		case <-stop.Done():
		case <-tick.C:
		}
	}
}

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig `file`")
	namespace := flag.String("namespace", "default", "namespace of the Lease")
	lease := flag.String("lease", "", "`name` of the Lease")
	identity := flag.String("identity", "", "`name` of this candidate")
	leaseDuration := flag.Duration("lease-duration", 15*time.Second, "")
	renewDeadline := flag.Duration("renew-deadline", 10*time.Second, "")
	retryPeriod := flag.Duration("retry-period", 2*time.Second, "")
	releaseOnCancel := flag.Bool("release-on-cancel", false, "give the Lease back on TERM")
	stampsPath := flag.String("stamps", "", "`file` the worker appends to")
	flag.Parse()
	if *lease == "" || *identity == "" || *stampsPath == "" || flag.NArg() != 0 {
		fatal("-lease, -identity and -stamps are needed, and nothing else is taken")
	}

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fatal("%v", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		fatal("%v", err)
	}
	stamps, err := os.OpenFile(*stampsPath, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		fatal("%v", err)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: *namespace, Name: *lease},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: *identity},
	}

	tell := &events{identity: *identity}
	stopWork, cancelWork := context.WithCancel(context.Background())
	stopElection, cancelElection := context.WithCancel(context.Background())
	var started sync.Mutex // orders the start of work and the signal
	var running sync.WaitGroup

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		started.Lock()
		cancelWork()
		started.Unlock()
		running.Wait()
		cancelElection()
	}()

	// One election after the other: client-go's ends with each loss.
	for stopElection.Err() == nil {
		leading := false // touched under `started` only
		leaderelection.RunOrDie(stopElection, leaderelection.LeaderElectionConfig{
			Lock:            lock,
			LeaseDuration:   *leaseDuration,
			RenewDeadline:   *renewDeadline,
			RetryPeriod:     *retryPeriod,
			ReleaseOnCancel: *releaseOnCancel,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(term context.Context) {
					started.Lock()
					if stopWork.Err() != nil || term.Err() != nil {
						started.Unlock()
						return
					}
					leading = true
					stop, cancel := context.WithCancel(term)
					context.AfterFunc(stopWork, cancel)
					running.Add(1)
					started.Unlock()
					tell.tell("started", "")
					work(stop, stamps, *identity, &running)
					cancel()
				},
				OnStoppedLeading: func() {
					started.Lock()
					led := leading
					started.Unlock()
					if led {
						running.Wait()
						tell.tell("stopped", "")
					}
				},
				OnNewLeader: func(leader string) { tell.tell("leader", leader) },
			},
		})
	}
	tell.tell("closed", "")
}
