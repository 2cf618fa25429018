// Command casework is a small regulatory-case service: officers open and submit cases,
// a worker accepts them, supervisors decide. It exists to have something real to test
// end to end; its fault switches break it in the ways that a gate has to distinguish.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // the service could not start or keep going
	exitFault  = 2 // a fault switch: an unknown word, or the crash that was asked for
)

// shutdownLimit is how long requests may take to finish after a signal.
const shutdownLimit = 3 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Getenv, os.Stderr))
}

// run is the whole program: it serves until ctx ends and returns the exit status.
func run(ctx context.Context, getenv func(string) string, stderr io.Writer) int {
	logger := log.New(stderr, "casework: ", 0)
	faults, err := parseFaults(getenv("CASEWORK_FAULT"))
	if err != nil {
		logger.Print(err)
		return exitFault
	}
	err = serve(ctx, getenv, faults, logger)
	if err != nil {
		logger.Print(err)
	}
	switch {
	case errors.Is(err, errCrash):
		return exitFault
	case err != nil:
		return exitFailed
	}
	return exitOK
}

// serve runs the API and the worker until ctx ends or one of them fails.
func serve(ctx context.Context, getenv func(string) string, faults *faults, logger *log.Logger) error {
	addr := net.JoinHostPort("127.0.0.1", cmp.Or(getenv("PORT"), "8088"))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot serve on %s: %w; set PORT to a free port", addr, err)
	}
	defer func() { _ = listener.Close() }()

	journal, remove, err := openJournal(ctx, getenv)
	if err != nil {
		return err
	}
	defer remove()
	store, err := openStore(journal)
	if err != nil {
		return err
	}
	defer store.close()
	documents, err := openDocuments(getenv)
	if err != nil {
		return err
	}

	svc := &service{
		store:     store,
		documents: documents,
		worker:    newWorker(store, faults.neverAccept),
		faults:    faults,
		sha:       cmp.Or(getenv("CASEWORK_SHA"), getenv("E2E_SHA"), "unknown"),
		log:       logger,
	}
	return svc.serve(ctx, listener)
}

// serve answers requests and lets the worker work until ctx ends.
func (s *service) serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	server := &http.Server{Handler: s.handler(), ErrorLog: s.log, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)

	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { s.worker.run(ctx) })
	running.Go(func() { failed <- server.Serve(listener) })
	s.log.Printf("listening on http://%s", listener.Addr())

	select {
	case <-ctx.Done():
		return shutdown(server)
	case <-s.faults.crashed:
		return errors.Join(errCrash, server.Close())
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	}
}

func shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}

// openJournal opens the database of CASEWORK_DATABASE_URL, else a file, and says how to
// clean up.
func openJournal(ctx context.Context, getenv func(string) string) (journal, func(), error) {
	if dsn := getenv("CASEWORK_DATABASE_URL"); dsn != "" {
		j, err := openTable(ctx, dsn)
		return j, func() {}, err
	}
	dir, remove, err := dataDir(getenv("CASEWORK_DATA"))
	if err != nil {
		return nil, nil, err
	}
	j, err := openFile(dir)
	if err != nil {
		remove()
	}
	return j, remove, err
}

// dataDir returns the directory of the journal and how to remove it: only a
// temporary one is removed.
func dataDir(dir string) (string, func(), error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return "", nil, fmt.Errorf("create CASEWORK_DATA: %w", err)
		}
		return dir, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "casework-")
	if err != nil {
		return "", nil, fmt.Errorf("create a temporary data directory: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}
