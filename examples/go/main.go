// Starts an erase, waits for it, prints its result as JSON: go run . FILE_ID [KEY]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"io"
	"log/slog"
)

// Request has the fields of schema/erase-request.schema.json that this example needs.
type Request struct {
	FileID      string `json:"fileId"`
	SubAppID    int    `json:"subAppId"`
	Recipe      Recipe `json:"recipe"`
	Key         string `json:"key"`
	RequestedBy string `json:"requestedBy"`
}

type Recipe struct {
	Name string `json:"name"`
}

// Result is part of schema/erase-result.schema.json.
type Result struct {
	ResultFileID string `json:"resultFileId"`
	TaskID       string `json:"taskId"`
}

// EraseFailed is an erase that ended without a result, in the shape of schema/erase-failure.schema.json.
type EraseFailed struct {
	Class      string `json:"class"`
	Code       string `json:"code"`
	Message    string `json:"message"`
	TaskID     string `json:"taskId"`
	MoneySpent bool   `json:"moneySpent"`
}

func (e *EraseFailed) Error() string {
	spent := "nothing was paid"
	if e.MoneySpent {
		spent = "money was spent"
	}
	return fmt.Sprintf("The erase failed (%s, %s), %s: %s", e.Class, e.Code, spent, e.Message)
}

// Erase runs one erase for one key, however often it is asked for. Its error is an *EraseFailed when the run ended
// without a result.
func Erase(ctx context.Context, c client.Client, request Request) (*Result, error) {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:        "erase/key/" + request.Key,
		TaskQueue: "smart-erase",
		// What runs, or has succeeded, is what the caller gets; what failed may start again.
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
	}, "erase", request)
	if err != nil {
		return nil, err
	}
	var result Result
	if err := run.Get(ctx, &result); err != nil {
		var failure *temporal.ApplicationError
		if !errors.As(err, &failure) {
			return nil, err
		}
		failed := &EraseFailed{Class: failure.Type(), Message: failure.Message()}
		if failure.HasDetails() {
			if err := failure.Details(failed); err != nil {
				return nil, err
			}
		}
		return nil, failed
	}
	return &result, nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) < 2 {
		return errors.New("say which file: go run . FILE_ID [KEY]")
	}
	fileID := os.Args[1]
	key := "go-" + fileID
	if len(os.Args) > 2 {
		key = os.Args[2]
	}
	subAppID := 1500000001
	if text := os.Getenv("SUB_APP_ID"); text != "" {
		var err error
		if subAppID, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("SUB_APP_ID must be a number: %w", err)
		}
	}
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return err
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	c, err := client.Dial(options)
	if err != nil {
		return err
	}
	defer c.Close()
	result, err := Erase(context.Background(), c, Request{
		FileID:      fileID,
		SubAppID:    subAppID,
		Recipe:      Recipe{Name: "subtitles"},
		Key:         key,
		RequestedBy: "go-example",
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
