package kafkagate

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lag asks how far a group is behind. A group that no broker knows has no state.
//
// There are two kinds of groups: classic ones, and those that the brokers balance (KIP-848, the default of Kafka 4). Each
// kind has a request of its own, to which a broker says of the other kind that it does not know the group.
func lag(ctx context.Context, admin *kadm.Client, group string) (kadm.DescribedGroupLag, error) {
	lags, err := admin.Lag(ctx, group)
	if err != nil {
		return kadm.DescribedGroupLag{}, fmt.Errorf("ask for lag: %w", err)
	}
	l := lags[group]
	if err := l.Error(); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return l, fmt.Errorf("lag of the group: %w", err)
	}
	if l.State != "" && l.State != dead {
		return l, nil
	}
	knows, err := describesConsumerGroups(ctx, admin)
	if err != nil || !knows {
		return kadm.DescribedGroupLag{}, err
	}
	return consumerLag(ctx, admin, group)
}

// dead is the state of a group that is not known.
const dead = "Dead"

// describesConsumerGroups reports whether the brokers know the newer kind of groups: since Kafka 3.7.
func describesConsumerGroups(ctx context.Context, admin *kadm.Client) (bool, error) {
	versions, err := admin.ApiVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("ask for versions: %w", err)
	}
	for _, v := range versions {
		if _, knows := v.KeyMaxVersion(int16(kmsg.ConsumerGroupDescribe)); knows {
			return true, nil
		}
	}
	return false, nil
}

// consumerLag is that of a group of the newer kind, from what was committed and what is assigned.
func consumerLag(ctx context.Context, admin *kadm.Client, group string) (kadm.DescribedGroupLag, error) {
	described, err := admin.DescribeConsumerGroups(ctx, group)
	if err != nil {
		return kadm.DescribedGroupLag{}, fmt.Errorf("describe the group: %w", err)
	}
	g := described[group]
	switch {
	case errors.Is(g.Err, kerr.GroupIDNotFound), errors.Is(g.Err, kerr.UnsupportedVersion): // the latter where the feature is off, as in Kafka 3.9
		return kadm.DescribedGroupLag{}, nil
	case g.Err != nil:
		return kadm.DescribedGroupLag{}, fmt.Errorf("describe the group: %w", g.Err)
	}
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return kadm.DescribedGroupLag{}, fmt.Errorf("ask for offsets: %w", err)
	}
	if committed == nil {
		committed = kadm.OffsetResponses{}
	}
	assigned := g.AssignedPartitions()
	assigned.Merge(g.TargetPartitions())
	assigned.Each(func(topic string, partition int32) {
		if _, ok := committed.Lookup(topic, partition); !ok {
			committed.Add(kadm.OffsetResponse{Offset: kadm.Offset{Topic: topic, Partition: partition, At: -1}})
		}
	})
	l := kadm.DescribedGroupLag{Group: group, State: g.State, Members: make([]kadm.DescribedGroupMember, len(g.Members))}
	topics := committed.Partitions().Topics()
	if len(topics) == 0 {
		return l, nil
	}
	start, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return kadm.DescribedGroupLag{}, fmt.Errorf("ask for offsets: %w", err)
	}
	end, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return kadm.DescribedGroupLag{}, fmt.Errorf("ask for offsets: %w", err)
	}
	l.Lag = kadm.CalculateGroupLagWithStartOffsets(kadm.DescribedGroup{}, committed, start, end)
	return l, nil
}
