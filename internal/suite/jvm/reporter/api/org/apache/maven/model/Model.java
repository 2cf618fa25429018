package org.apache.maven.model;

public class Model {
}
