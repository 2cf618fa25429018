package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// journal keeps events, one of JSON each, in order and for good. Calls come one at
// a time.
type journal interface {
	all() ([][]byte, error)
	append(event []byte) error
	close()
}

// fileJournal is a file of JSON lines.
type fileJournal struct{ *os.File }

func openFile(dir string) (journal, error) {
	f, err := os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) // #nosec G304 -- the operator's directory
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return fileJournal{f}, nil
}

// all reads the file. Only its last line can be half written, by a process that died.
// No caller was told that it succeeded, so it is cut off.
func (f fileJournal) all() ([][]byte, error) {
	data, err := io.ReadAll(f.File)
	if err != nil {
		return nil, err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	var lines [][]byte
	for line := range bytes.Lines(data[:whole]) {
		lines = append(lines, line)
	}
	if whole == len(data) {
		return lines, nil
	}
	return lines, f.Truncate(int64(whole))
}

func (f fileJournal) append(event []byte) error {
	_, err := f.Write(append(event, '\n'))
	return err
}

func (f fileJournal) close() { _ = f.Close() }

// queryTime bounds a query.
const queryTime = 5 * time.Second

// tableJournal is the table of schema.sql in PostgreSQL.
type tableJournal struct{ conn *pgx.Conn }

func openTable(ctx context.Context, dsn string) (journal, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to CASEWORK_DATABASE_URL: %w", err)
	}
	return tableJournal{conn}, nil
}

func (t tableJournal) all() ([][]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	rows, err := t.conn.Query(ctx, "SELECT body FROM events ORDER BY sequence")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}

func (t tableJournal) append(event []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	_, err := t.conn.Exec(ctx, "INSERT INTO events (body) VALUES ($1)", event)
	return err
}

func (t tableJournal) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = t.conn.Close(ctx)
}
