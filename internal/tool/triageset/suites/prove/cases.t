use strict;
use warnings;
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use Test::More;

my $http = HTTP::Tiny->new(timeout => 1);

sub get {
    my ($path) = @_;
    return $http->get($path =~ m{://} ? $path : $ENV{CASE_API} . $path);
}

sub body {
    my ($path) = @_;
    my $res = get($path);
    die "GET $path: $res->{status} $res->{reason}: $res->{content}" unless $res->{success};
    return JSON::PP::decode_json($res->{content});
}

my %tests = (
    value    => sub { is(body('/value')->{state}, 'ACCEPTED', 'state') },
    lag      => sub { is(body('/lag')->{state}, 'ACCEPTED', 'state') },
    more     => sub { is('[' . join(', ', @{ body('/more') }) . ']', '[a, b]', 'cases') },
    fewer    => sub { is('[' . join(', ', @{ body('/fewer') }) . ']', '[a, b]', 'cases') },
    server   => sub { is(get('/server')->{status}, 200, 'status') },
    gateway  => sub { body('/gateway') },
    conflict => sub { body('/conflict') },
    missing  => sub { is(get('/missing')->{status}, 200, 'status') },
    denied   => sub { is(get('/denied')->{status}, 200, 'status') },
    limited  => sub { body('/limited') },
    reset    => sub { body('/reset') },
    slow     => sub { body('/slow') },
    crash    => sub { body('/crash') },
    refused  => sub { my $r = get("$ENV{UNUSED_PORT}/cases"); die $r->{content} unless $r->{success} },
    name     => sub { my $r = get('http://case-api.internal:8080/cases'); die $r->{content} unless $r->{success} },
    null     => sub { is(body('/null')->{owner}->name, 'ada', 'owner') },
    unset    => sub { die "CASE_API_TOKEN is not set\n" unless $ENV{CASE_API_TOKEN} },
    port     => sub { IO::Socket::INET->new(Listen => 1, LocalAddr => $ENV{TAKEN}) or die "cannot listen on $ENV{TAKEN}: $!" },
);

$tests{ $ENV{CASE} }->();
done_testing();
